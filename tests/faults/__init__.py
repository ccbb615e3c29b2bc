"""What a dying process does to turns: real processes, killed and, on a laptop, started again."""
