/** Dice as a parameter: a function that returns a number in [0, 1), like `Math.random`. */
export type Random = () => number
