"""One contract class per port (`*_contract.py`), and a test file per adapter that only supplies
fixtures."""
