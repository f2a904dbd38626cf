/** Takes the place of a method. */
export type Method = (...args: readonly unknown[]) => unknown

/** The object itself, to whoever asks what it is an instance of, with some methods replaced. */
export function withMethods<T extends object>(object: T, methods: Readonly<Record<string, Method>>): T {
  return new Proxy(object, {
    get: (target, key): unknown => {
      if (typeof key === 'string' && Object.hasOwn(methods, key)) return methods[key]
      const value: unknown = Reflect.get(target, key)
      // What is private of the object is found on the object itself only.
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value
    },
  })
}

/** Calls a method whose many overloads are not told apart. */
export function invoke(object: object, name: string, args: readonly unknown[]): unknown {
  const method: unknown = Reflect.get(object, name)
  return typeof method === 'function' ? Reflect.apply(method, object, args) : undefined
}
