import { inspect } from 'node:util'

/** Every way in which a value ends up in a log. */
export function renderings(value: unknown): readonly string[] {
  const texts = [
    inspect(value, { depth: 20, showHidden: true }),
    inspect(value, { depth: 20, showHidden: true, customInspect: false, getters: true }),
    inspect({ value }, { depth: 20 }),
    JSON.stringify(value),
    JSON.stringify({ value, own: ownProperties(value) }),
    String(value),
  ]
  if (value instanceof Error) texts.push(value.message, value.stack ?? '', ...renderings(value.cause ?? null))
  return texts.filter((text) => typeof text === 'string')
}

function ownProperties(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(Object.getOwnPropertyDescriptors(value)).map(([name, property]) => [
    name,
    String(property.value),
  ])
}
