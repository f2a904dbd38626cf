import { readFileSync } from 'node:fs'

/** What a test of a library came to. `absent`: the library has nothing of the kind. */
export type Cell = 'passed' | 'failed' | 'absent'

/** The tests of each library, by `name@version` and title. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, Cell>>

interface VitestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
    }[]
  }[]
}

/** Reads what vitest's JSON reporter wrote. */
export function readReport(file: string): Results {
  const report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport
  const results = new Map<string, Map<string, Cell>>()
  for (const { ancestorTitles, title, status } of report.testResults.flatMap((each) => each.assertionResults)) {
    const [library, group] = ancestorTitles
    if (library === undefined || group === undefined || !/@\d/.test(library)) continue
    const cells = results.get(library) ?? new Map<string, Cell>()
    results.set(library, cells.set(title, status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'absent'))
  }
  return results
}
