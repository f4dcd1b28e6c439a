print("jepa")
