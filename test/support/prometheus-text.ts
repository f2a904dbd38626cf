import { createRequire } from 'node:module'

type Labels = Readonly<Record<string, string>>

/** One value of a scrape. */
export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** One metric of a scrape, as a parser that is not ours reads it; a histogram's samples are those of its three parts. */
export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
  readonly buckets: readonly Sample[]
  readonly sums: readonly Sample[]
  readonly counts: readonly Sample[]
}

interface Parsed {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly metrics: readonly { readonly labels?: Labels; readonly value?: string }[]
}

// Its module for `import` is none to Node.
const parse = createRequire(import.meta.url)('parse-prometheus-text-format') as (text: string) => Parsed[]

/** Reads a page of metrics. The parser forgets the labels of histograms, so their lines are read as plain ones. */
export function readPage(text: string): readonly Family[] {
  const plain = parse(text.replaceAll(/^#.*\n/gm, ''))
  const samplesOf = (name: string): readonly Sample[] =>
    plain
      .filter((each) => each.name === name)
      .flatMap(({ metrics }) => metrics.map(({ labels = {}, value }) => ({ labels, value: Number(value) })))
  return parse(text).map(({ name, type, help }) => ({
    name,
    type,
    help,
    samples: samplesOf(name),
    buckets: samplesOf(`${name}_bucket`),
    sums: samplesOf(`${name}_sum`),
    counts: samplesOf(`${name}_count`),
  }))
}
