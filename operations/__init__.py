"""Operations: what operators see of side effects, and what they can do about them."""
