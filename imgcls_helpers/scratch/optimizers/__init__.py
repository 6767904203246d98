"""Optimizers: rules that turn gradients into steps, with the numbers of Keras.

Symbols used throughout: w, an array of weights; g, the gradient of the loss with
respect to it, of the same shape; t, the number of the step, from 1; lr, the learning
rate. Squares, roots, products and quotients of arrays are taken entry by entry.

Every optimizer does three things in a step, in the order of Keras: it clips the
gradients, shrinks the weights by `weight_decay`, and then applies its own rule.
"""

from imgcls_helpers.scratch.optimizers._rules import SGD, Adagrad, Adam, AdamW, RMSprop

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop"]
