"""Short programs in the manner of PyTorch's, run with the imports exchanged alone; they end with the same numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tests.oracle import needs_torch

HEAD = """
import math, copy, io, random
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch import Tensor
from torch.autograd import Function, Variable
from torch.optim.lr_scheduler import StepLR, LambdaLR, CyclicLR
from torch.utils.data import DataLoader, Dataset, TensorDataset, IterableDataset, BatchSampler, SequentialSampler
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
rs = np.random.RandomState(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
def fill(model):
    for p in model.parameters():
        p.data.copy_(torch.from_numpy(rs.uniform(-0.4, 0.4, tuple(p.shape)).astype(np.float32)))
    return model.to(device)
def data(*shape):
    return torch.from_numpy(rs.standard_normal(shape).astype(np.float32)).to(device)
"""

PROGRAMS = {
    "a polynomial by hand": """
x = torch.linspace(-math.pi, math.pi, 200, device=device, dtype=torch.float)
y = torch.sin(x)
weights = [torch.full((), v, device=device, dtype=torch.float, requires_grad=True) for v in (0.1, 0.2, -0.1, 0.05)]
for t in range(50):
    loss = (sum(w * x ** i for i, w in enumerate(weights)) - y).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        for w in weights:
            w -= 1e-5 * w.grad
            w.grad = None
results = [loss.item(), weights[3].item()]
""",
    "images from workers, a schedule, and a checkpoint": """
class Images(Dataset):
    def __init__(self): self.x, self.y = rs.randint(0, 256, (20, 8, 8)).astype(np.uint8), rs.randint(0, 3, 20)
    def __len__(self): return len(self.x)
    def __getitem__(self, i): return torch.from_numpy(self.x[i]).float().div(255).unsqueeze(0), int(self.y[i])
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv = nn.Conv2d(1, 4, 3, device=device); self.bn = nn.BatchNorm2d(4); self.fc = nn.Linear(36, 3)
    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)), inplace=True)
        x = F.max_pool2d(x, 2)
        x = x.view(x.size(0), -1)
        return F.log_softmax(self.fc(x), dim=1)
loader = DataLoader(Images(), batch_size=4, num_workers=2, pin_memory=False)
net = fill(Net()); optimizer = optim.Adadelta(net.parameters()); scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
for epoch in range(2):
    net.train(); correct = 0
    for x, y in loader:
        x, y = x.to(device, non_blocking=True), y.to(device)
        optimizer.zero_grad(); output = net(x); loss = F.nll_loss(output, y); loss.backward(); optimizer.step()
        pred = output.max(1, keepdim=True)[1]; correct += pred.eq(y.view_as(pred)).sum().item()
    scheduler.step()
file = io.BytesIO(); torch.save({"net": net.state_dict(), "epoch": epoch}, file); file.seek(0)
state = torch.load(file, map_location=device); other = Net()
other.load_state_dict(state["net"], assign=True); other.eval()
results = [loss.item(), correct, other(x).sum().item(), scheduler.get_last_lr()[0], state["epoch"]]
""",
    "functions of one's own": """
class Straight(Function):
    @staticmethod
    def forward(ctx, x, scale): ctx.scale = scale; return (x > 0).float() * scale
    @staticmethod
    def backward(ctx, g): return F.hardtanh(g) * ctx.scale, None
class Lift(Function):
    @staticmethod
    def forward(x): return x ** 2, x ** 3
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, a, b): x, = ctx.saved_tensors; return 2 * a * x + 3 * b * x ** 2
x = data(5).requires_grad_()
y = Straight.apply(x, 0.5)
a, b = Lift.apply(x)
g, = torch.autograd.grad((a * b).sum(), x, create_graph=True)
(g.pow(2).sum() + y.sum()).backward()
results = x.grad.tolist()
""",
    "a penalty on a gradient": """
class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 1))
    def forward(self, x): return self.model(x.view(x.shape[0], -1))
net = fill(D()); optimizer = optim.Adam(net.parameters(), lr=1e-2, betas=(0.5, 0.999)); T = torch.FloatTensor
for step in range(5):
    real, fake = Variable(data(4, 2, 3).type(T)), data(4, 2, 3); alpha = T(rs.random_sample((4, 1, 1)))
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True); d = net(mixed)
    ones = Variable(T(4, 1).fill_(1.0), requires_grad=False)
    g = torch.autograd.grad(outputs=d, inputs=mixed, grad_outputs=ones, create_graph=True, retain_graph=True,
                            only_inputs=True)[0]
    loss = net(fake).mean() - net(real).mean() + 10 * ((g.view(4, -1).norm(2, dim=1) - 1) ** 2).mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
results = [loss.item()]
""",
    "equations with second derivatives, through tensors converted once": """
net = fill(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)))
x, t = (torch.tensor(rs.rand(10, 1), requires_grad=True).float() for _ in range(2))
optimizer = optim.LBFGS(net.parameters(), max_iter=4, line_search_fn="strong_wolfe")
def closure():
    u = net(torch.cat([x, t], dim=1)); grad = lambda a, b: torch.autograd.grad(a.sum(), b, create_graph=True)[0]
    loss = (grad(u, t) - 0.1 * grad(grad(u, x), x)).pow(2).mean() + (u - x.sin()).pow(2).mean()
    optimizer.zero_grad(); loss.backward(); return loss
first = optimizer.step(closure)
results = [first.item(), closure().item()]
""",
    "sequences of several lengths": """
class Tagger(nn.Module):
    def __init__(self):
        super().__init__(); self.emb = nn.Embedding(9, 4, padding_idx=0); self.rnn = nn.LSTM(4, 5, batch_first=True)
        self.fc = nn.Linear(5, 2)
    def forward(self, x, n):
        packed = pack_padded_sequence(self.emb(x), n.cpu(), batch_first=True, enforce_sorted=False)
        out, (h, c) = self.rnn(packed); out, _ = pad_packed_sequence(out, batch_first=True); return self.fc(h[-1])
seqs = [torch.LongTensor(rs.randint(1, 9, k)) for k in (3, 5, 2)]; n = torch.tensor([len(s) for s in seqs])
x = pad_sequence(seqs, batch_first=True); net = fill(Tagger()); y = torch.tensor([0, 1, 1])
optimizer = optim.NAdam(net.parameters(), lr=0.05); scheduler = CyclicLR(optimizer, 0.01, 0.1, 3, cycle_momentum=False)
for step in range(6):
    optimizer.zero_grad(set_to_none=True); loss = nn.CrossEntropyLoss()(net(x, n), y); loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5); optimizer.step(); scheduler.step()
results = [loss.item(), scheduler.get_last_lr()[0]]
""",
    "attention with a causal mask, averaged weights": """
class Block(nn.Module):
    def __init__(self, d=8):
        super().__init__(); self.ln = nn.LayerNorm(d); self.qkv = nn.Linear(d, 3 * d); self.out = nn.Linear(d, d)
        self.register_buffer("mask", torch.tril(torch.ones(6, 6)).view(1, 1, 6, 6))
    def forward(self, x):
        B, T, C = x.size(); q, k, v = self.qkv(self.ln(x)).split(C, dim=2)
        q, k, v = (t.view(B, T, 2, C // 2).transpose(1, 2) for t in (q, k, v))
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf")); att = F.softmax(att, dim=-1)
        return x + self.out((att @ v).transpose(1, 2).contiguous().view(B, T, C))
net = fill(nn.Sequential(nn.Embedding(7, 8), Block(), Block(), nn.Linear(8, 7))); ema = copy.deepcopy(net)
decay = [p for p in net.parameters() if p.dim() >= 2]; rest = [p for p in net.parameters() if p.dim() < 2]
optimizer = optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=1e-2)
ids = torch.from_numpy(rs.randint(0, 7, (3, 7)))
for step in range(5):
    logits = net(ids[:, :-1]); loss = F.cross_entropy(logits.view(-1, logits.size(-1)), ids[:, 1:].reshape(-1))
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    with torch.no_grad():
        for s, p in zip(ema.parameters(), net.parameters()): s.mul_(0.9).add_(p.data, alpha=0.1)
with torch.inference_mode():
    logits[:, -1][logits[:, -1] < torch.topk(logits[:, -1], 2)[0][:, [-1]]] = -float("inf")
    g = torch.Generator().manual_seed(1)
    drawn = torch.multinomial(F.softmax(logits[:, -1], dim=-1), num_samples=1, generator=g)
results = [loss.item(), ema(ids[:, :-1]).sum().item(), *drawn.shape]
""",
    "hooks of every kind": """
seen = []
net = fill(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
net[0].register_forward_hook(lambda m, i, o: seen.append(o.sum().item()))
net[1].register_full_backward_hook(lambda m, gi, go: seen.append(go[0].sum().item()))
net[2].register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
net._modules["0"].weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.abs().sum().item()))
net.register_state_dict_post_hook(lambda m, state, *_: state.update(more=x))
net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
x = data(5, 3).requires_grad_(); y = net(x); y.retain_grad(); y.pow(2).sum().backward()
net.load_state_dict(net.state_dict(), strict=False)
results = [*seen, y.grad.sum().item(), x.grad.sum().item(), len(net.state_dict())]
""",
    "an optimizer in PyTorch's manner": """
class Momentum(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1, mu=0.9): super().__init__(params, dict(lr=lr, mu=mu))
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None: continue
                state = self.state[p]
                if len(state) == 0: state["buf"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                state["buf"].mul_(group["mu"]).add_(p.grad); p.add_(state["buf"], alpha=-group["lr"])
net = fill(nn.Linear(3, 1)); optimizer = Momentum(net.parameters()); x = data(8, 3)
for step in range(6): optimizer.zero_grad(); loss = net(x).pow(2).mean(); loss.backward(); optimizer.step()
optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
results = [loss.item(), net.weight.sum().item()]
""",
    "pooling, instance normalization and quotients changed in place": """
net = fill(nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(1, 3, 3), nn.InstanceNorm2d(3), nn.ReLU(inplace=True),
                         nn.MaxPool2d(2), nn.ReLU(True), nn.ConvTranspose2d(3, 1, 2, stride=2)))
x = data(2, 1, 6, 6).requires_grad_(); y = net(x); z = y / (1 + y.abs()); z.mul_(2).add_(1); out = torch.zeros(3, 2, 6)
for t in range(3): out[t] = z[:, 0, t] * (t + 1)
out.sum().backward()
results = [x.grad.sum().item(), net[1].weight.grad.sum().item(), out.sum().item()]
""",
    "bags of words from a stream": """
class Lines(IterableDataset):
    def __iter__(self):
        lines = np.random.RandomState(1)
        for i in range(12): yield i % 3, torch.from_numpy(lines.randint(0, 20, lines.randint(2, 6)))
def collate(batch):
    labels, texts = zip(*batch); offsets = torch.tensor([0] + [len(t) for t in texts][:-1]).cumsum(dim=0)
    return torch.tensor(labels, dtype=torch.int64), torch.cat(texts), offsets
class Bags(nn.Module):
    def __init__(self): super().__init__(); self.bag = nn.EmbeddingBag(20, 6, sparse=False); self.fc = nn.Linear(6, 3)
    def forward(self, text, offsets): return self.fc(self.bag(text, offsets))
net = fill(Bags()); optimizer = optim.SGD(net.parameters(), lr=0.5)
for epoch in range(2):
    for label, text, offsets in DataLoader(Lines(), batch_size=4, collate_fn=collate, num_workers=1):
        optimizer.zero_grad(); loss = F.cross_entropy(net(text, offsets), label); loss.backward(); optimizer.step()
results = [loss.item()]
""",
    "lazy layers, weight norm, pruning, checkpoints and averaged weights": """
from torch.nn.utils import weight_norm, prune
from torch.optim.swa_utils import AveragedModel, SWALR, update_bn
from torch.utils.checkpoint import checkpoint
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.LazyConv2d(4, 3, padding=1); self.bn = nn.LazyBatchNorm2d(); self.fc = nn.LazyLinear(3)
    def forward(self, x):
        x = checkpoint(lambda t: F.relu(self.bn(self.conv(t))), x, use_reentrant=False)
        return self.fc(torch.flatten(F.avg_pool2d(x, 2), 1))
net = Net(); net(torch.ones(1, 1, 4, 4).repeat(2, 1, 1, 1)); fill(net)
net.bn.reset_running_stats(); weight_norm(net.fc)
prune.l1_unstructured(net.conv, "weight", amount=0.25)
optimizer = optim.Rprop(net.parameters(), lr=0.01); mean = AveragedModel(net.bn)
for step in range(4):
    loss = F.cross_entropy(net(data(5, 1, 4, 4)), torch.tensor([0, 1, 2, 1, 0]))
    optimizer.zero_grad(); loss.backward(); optimizer.step(); mean.update_parameters(net.bn)
results = [loss.item(), mean.module.weight.sum().item(), int((net.conv.weight == 0).sum()), len(net.state_dict())]
""",
    "rotary positions, experts, and a policy of normal vectors": """
from torch.distributions import MultivariateNormal, Independent, Normal, TransformedDistribution, TanhTransform
from torch.func import grad, vmap, functional_call
def rotated(x, cos, sin):
    a, b = x.float().reshape(*x.shape[:-1], -1, 2).unbind(-1)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(3).type_as(x)
class Experts(nn.Module):
    def __init__(self, d=8):
        super().__init__(); self.gate = nn.Linear(d, 3, bias=False)
        self.experts = nn.ModuleList([nn.Linear(d, d) for _ in range(3)])
    def forward(self, x):
        w, chosen = torch.topk(self.gate(x), 2); w = F.softmax(w, dim=1, dtype=torch.float).to(x.dtype)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            row, nth = torch.where(chosen == i); out[row] += w[row, nth, None] * expert(x[row])
        return out
x = data(2, 5, 2, 4); t = torch.outer(torch.arange(5), 1.0 / 100 ** (torch.arange(0, 4, 2).float() / 4)).float()
y = rotated(x, torch.cos(t)[None, :, None], torch.sin(t)[None, :, None]); net = fill(Experts())
loss = net(y.reshape(-1, 8)).square().mean(); loss.backward()
mean = data(3, 2).requires_grad_(); policy = MultivariateNormal(mean, torch.diag_embed(torch.full((3, 2), 0.3)))
objective = -policy.log_prob(data(3, 2)).mean() - 0.1 * policy.entropy().mean(); objective.backward()
squashed = TransformedDistribution(Independent(Normal(data(3, 2), 1.0), 1), [TanhTransform()])
params = {k: v.detach() for k, v in net.gate.named_parameters()}
each = vmap(grad(lambda p, v: functional_call(net.gate, p, (v,)).pow(2).sum()), in_dims=(None, 0))(params, data(4, 8))
results = [loss.item(), net.gate.weight.grad.sum().item(), mean.grad.sum().item(),
           squashed.log_prob(torch.full((3, 2), 0.5)).sum().item(), each["weight"].sum().item()]
""",
    "what programs ask before they begin": """
torch.manual_seed(0); torch.cuda.manual_seed_all(0); torch.backends.cudnn.deterministic = True
torch.set_num_threads(1); torch.set_float32_matmul_precision("high")
dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}["float32"]
model = fill(nn.Linear(2, 2)).to(device, dtype)
if torch.cuda.device_count() > 1: model = nn.DataParallel(model)
x = torch.Tensor(np.linspace(0, 1, 6)).view(3, 2); mask = torch.ByteTensor([[1, 0], [0, 1], [1, 1]]).bool()
y = x.new_zeros(3, 2).masked_fill_(mask, -torch.finfo(x.dtype).max).clamp_(min=-2) + model(x).type_as(x)
assert torch.is_tensor(y) and y.is_floating_point() and y.size() == torch.Size([3, 2]) and not y.is_cuda
assert isinstance(y, (Tensor, torch.FloatTensor)) and y.type() == "torch.FloatTensor"
assert y.shape.numel() == y.nelement() and math.pi == torch.pi
rows = list(BatchSampler(SequentialSampler(range(7)), 3, drop_last=False))
results = [y.sum().item(), len(rows), torch.numel(x), x.t().stride(0), torch.iinfo(torch.int16).max]
""",
}  # fmt: skip


def ported(program: str) -> str:
    """Return a program with its imports exchanged, and nothing else."""
    program = re.sub(r"^import torch$", "import autodiff as torch", program, flags=re.M)
    program = re.sub(r"^import torch\.(\S+) as", r"import autodiff.\1 as", program, flags=re.M)
    return re.sub(r"^from torch(\S*) import", r"from autodiff\1 import", program, flags=re.M)


def results(program: str) -> list[Any]:
    """Run a program and return what it calls its results."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(program, "<program>", "exec"), names)
    return names["results"]  # type: ignore[no-any-return]  # a name of the program


@needs_torch
@pytest.mark.filterwarnings("default")  # PyTorch's own
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_ends_with_the_numbers_it_has_with_pytorch(program: str) -> None:
    found, expected = results(ported(HEAD + program)), results(HEAD + program)
    # A few steps in float32, each of which rounds at 6e-8 in an order of its own.
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def test_the_exchange_touches_imports_alone() -> None:
    assert "import torch\n" not in ported(HEAD)
    assert ported("x = torch.ones(2)") == "x = torch.ones(2)"
