enum CheckpointsRoom {}
