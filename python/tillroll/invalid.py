"""What is said of a wrong argument."""

import tillroll


def invalid(name: str, message: str) -> tillroll.ValidationError:
    """As the engine tells what is wrong with an argument."""
    error = tillroll.ValidationError(f"{name}: {message}")
    error.errors = {name: [message]}
    return error
