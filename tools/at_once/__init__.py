# SPDX-License-Identifier: GPL-3.0-or-later
"""Many training images at once, as array functions that an accelerator can run.

They do what :class:`hyperspy_dlatoms.training.examples.Examples` does wave by wave, for a batch of
waves and one set of conditions each. All take the module ``xp`` of the arrays, `numpy` or
`jax.numpy`, and arrays of fixed shapes, so that JAX can compile them. What is drawn is drawn
outside (`material`), but for the noise, which `electrons.Noise` draws.
"""
