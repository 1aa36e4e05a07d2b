enum ProbingRoom {}
