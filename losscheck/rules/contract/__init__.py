"""The contract family: is it a loss at all?"""
