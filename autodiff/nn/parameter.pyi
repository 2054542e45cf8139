from nn.module import Parameter as Parameter
