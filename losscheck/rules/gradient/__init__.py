"""The gradient family: does it train?"""
