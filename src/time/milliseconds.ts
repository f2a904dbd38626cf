declare const unit: unique symbol

/** A length of time, or a point on a monotonic clock, in milliseconds. Made by `ms()`. */
export type Milliseconds = number & { readonly [unit]: 'ms' }

/** Brands a plain number as milliseconds, once, where it enters: `ms(1_000)`. */
export const ms = (value: number): Milliseconds => value as Milliseconds
