import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { FAMILIES } from '../../../src/metrics/prometheus-families.ts'

interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly gridPos: { readonly x: number; readonly w: number }
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

const exported = new Set(
  FAMILIES.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
)
const namesIn = (text: string): readonly string[] => text.match(/\bhasql_\w+/g) ?? []

describe('what is shipped with the metrics speaks of metrics that there are', () => {
  const dashboard = JSON.parse(readFileSync('docs/observability/dashboard.json', 'utf8')) as Dashboard

  test('the dashboard', () => {
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    expect(expressions.length).toBeGreaterThan(10)
    for (const expression of expressions) {
      expect(namesIn(expression).length, expression).toBe(1)
      for (const name of namesIn(expression)) expect(exported, expression).toContain(name)
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
  })

  test('the alerts, and the guide, which names all of them', () => {
    for (const name of namesIn(readFileSync('docs/observability/alerts.yml', 'utf8'))) expect(exported).toContain(name)
    const guide = readFileSync('docs/observability.md', 'utf8')
    for (const { name } of FAMILIES) expect(guide).toContain(`\`${name}\``)
  })
})
