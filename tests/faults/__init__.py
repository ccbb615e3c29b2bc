"""What a dying process does to turns: a real `parley dev`, killed and started again."""
