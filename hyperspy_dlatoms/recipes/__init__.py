# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: the ranges and settings that make a data set and a network, and their draws."""
