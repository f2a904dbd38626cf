import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

/** What a snippet may take for granted; what it declares itself is left out. */
const GIVEN: Readonly<Record<string, string>> = {
  PoolManager: "import { PoolManager } from 'hasql/pg'",
  HostLostError: "import { HostLostError } from 'hasql/pg'",
  PgCluster: "import { PgCluster } from 'hasql/testing'",
  FaultProxy: "import { FaultProxy } from 'hasql/testing'",
  GreedyBalancerPolicy: "import { GreedyBalancerPolicy } from 'hasql'",
  db: "declare const db: import('hasql/pg').PoolManager",
  dsn: 'declare const dsn: string',
  cluster: "declare const cluster: import('hasql/testing').PgCluster",
  node: "declare const node: import('hasql/testing').PgNode",
  old: "declare const old: import('hasql/testing').PgNode",
  proxy: "declare const proxy: import('hasql/testing').FaultProxy",
  error: 'declare const error: unknown',
  registry: 'declare const registry: { resolve(name: string): Promise<string[]> }',
  dns: "import dns from 'node:dns'",
}

interface Snippet {
  readonly name: string
  readonly text: string
}

function snippetsOf(file: string): readonly Snippet[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length
    return { name: `${file}:${line}`, text: match[1] ?? '' }
  })
}

/** The snippet as a module of its own, after what it takes for granted. */
function moduleOf({ text }: Snippet): string {
  const needed = Object.entries(GIVEN).filter(([name]) => uses(text, name) && !declares(text, name))
  return `${needed.map(([, declaration]) => declaration).join('\n')}\n${text}\nexport {}\n`
}

const uses = (text: string, name: string): boolean => new RegExp(`(?<![\\w.'])${name}\\b`).test(text)
const declares = (text: string, name: string): boolean =>
  new RegExp(
    `(?:(?:const|let|using|function) (?:\\{[^}]*\\b)?${name}\\b|import[^\\n]*\\b${name}\\b|catch \\(${name}\\))`,
  ).test(text)

const pages = readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name))
const documents = ['README.md', 'packages/testing/README.md', ...pages].filter((name) => name.endsWith('.md'))
const snippets = documents.flatMap(snippetsOf)

/** All in one program: what is read for one of them is read once. */
function complaints(modules: ReadonlyMap<string, string>): readonly string[] {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: object }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd())
  const host = ts.createCompilerHost({ ...options, isolatedDeclarations: false, declaration: false })
  const disk = { ...host }
  host.readFile = (path) => modules.get(path) ?? disk.readFile(path)
  host.fileExists = (path) => modules.has(path) || disk.fileExists(path)
  host.getSourceFile = (path, target, ...rest) => {
    const text = modules.get(path)
    return text === undefined ? disk.getSourceFile(path, target, ...rest) : ts.createSourceFile(path, text, target)
  }
  const relaxed = {
    ...options,
    isolatedDeclarations: false,
    declaration: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  }
  const program = ts.createProgram([...modules.keys()], relaxed, host)
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, ' ')
    return `${file === undefined ? '' : (names.get(file.fileName) ?? file.fileName)}: ${text}`
  })
}

const names = new Map<string, string>()

test('every example of the documentation compiles', () => {
  expect(snippets.length).toBeGreaterThan(10)
  const modules = new Map<string, string>()
  for (const [index, snippet] of snippets.entries()) {
    const path = join(process.cwd(), `documented-${index}.ts`)
    names.set(path, snippet.name)
    modules.set(path, moduleOf(snippet))
  }
  expect(complaints(modules)).toEqual([])
}, 60_000)
