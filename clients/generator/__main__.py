"""Write the generated files of all clients: `make clients`."""

from __future__ import annotations

from generator.files import generated

if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
