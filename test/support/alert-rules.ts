import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Family, Sample } from './prometheus-text.ts'

/** A rule of an alert file: what it watches, and from which value on. */
export interface AlertRule {
  readonly alert: string
  readonly expression: string
}

export const ALERTS_FILE = 'docs/observability/alerts.yml'

export function readAlertRules(): readonly AlertRule[] {
  const text = readFileSync(ALERTS_FILE, 'utf8')
  return [...text.matchAll(/- alert: (\w+)\n +expr: (.+)\n/g)].map(([, alert = '', expression = '']) => ({
    alert,
    expression,
  }))
}

/**
 * The samples of a scrape for which an expression holds. Of PromQL it knows what the rules need: one metric, labels that are
 * equal to something, and one comparison with a number.
 */
export function evaluate(expression: string, families: readonly Family[]): readonly Sample[] {
  const parsed = /^(\w+)(?:\{(\w+)="([^"]*)"\})? (==|>) (\d+)$/.exec(expression)
  if (parsed === null) throw new SyntaxError(`not an expression that the rules may use: ${expression}`)
  const [, name, label, wanted, operator, limit] = parsed
  const family = families.find((each) => each.name === name)
  if (family === undefined) throw new RangeError(`nobody exports ${name}`)
  return family.samples
    .filter(({ labels }) => label === undefined || labels[label] === wanted)
    .filter(({ value }) => (operator === '==' ? value === Number(limit) : value > Number(limit)))
}

/** The names of the alerts that a scrape would raise. */
export function firing(families: readonly Family[]): readonly string[] {
  return readAlertRules()
    .filter(({ expression }) => evaluate(expression, families).length > 0)
    .map(({ alert }) => alert)
}

/** What Prometheus' own tool says to its arguments; undefined where it is not installed. */
export function promtool(
  args: readonly string[],
  input = '',
): { readonly ok: boolean; readonly said: string } | undefined {
  const { status, stdout, stderr, error } = spawnSync(process.env.PROMTOOL ?? 'promtool', args, {
    input,
    encoding: 'utf8',
  })
  return error === undefined ? { ok: status === 0, said: `${stdout}${stderr}` } : undefined
}
