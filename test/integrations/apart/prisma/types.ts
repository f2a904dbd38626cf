import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../../../..')

/** What the documentation shows, which takes the generated client for granted. */
const SHOWN = [
  ...readFileSync(join(ROOT, 'docs/integrations/prisma.md'), 'utf8').matchAll(/^```ts no-check\n([\s\S]*?)^```/gm),
]

/** What is there, and what is not. */
const USED = `
const types: [string | undefined, { id: number } | null, number] = [
  orders[0]?.item,
  await prisma.$primary().order.findUnique({ where: { id: 1 }, select: { id: true } }),
  (await prisma.$transaction(async (tx) => tx.$primary().order.create({ data: { item: 'tea' } }))).id,
]
// @ts-expect-error
await prisma.$primary().tale.findMany()
// @ts-expect-error
fresh[0]?.title
// @ts-expect-error
adapter.readReplicas({ maxLag: 1 })
`

/** What TypeScript has to say about an application on a generated client. */
export function complaints(): readonly string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  const text = [...SHOWN.map(([, snippet]) => snippet), USED].join('\n')
  const file = join(import.meta.dirname, 'application.ts')
  const relaxed = { ...options, isolatedDeclarations: false, declaration: false, noUnusedLocals: false }
  const host = ts.createCompilerHost(relaxed)
  const disk = { ...host }
  host.readFile = (path) => (path === file ? text : disk.readFile(path))
  host.fileExists = (path) => path === file || disk.fileExists(path)
  host.getSourceFile = (path, target, ...rest) =>
    path === file ? ts.createSourceFile(path, text, target) : disk.getSourceFile(path, target, ...rest)
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], relaxed, host))
    .map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
}
