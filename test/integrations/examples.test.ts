import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The examples run as a reader would run them: without a test runner, which resolves imports in a way of its own. */
describe('the examples end by themselves, with nothing to complain of', () => {
  test.each(readdirSync(join(ROOT, 'examples/integrations')))('%s', async (name) => {
    const { code, said } = await run(`examples/integrations/${name}`)
    expect(code, said).toBe(0)
  })

  // It is made for a client that is generated. Here both are where Prisma is installed for these tests.
  test('prisma', async () => {
    const apart = join(ROOT, 'test/integrations/apart')
    const folder = mkdtempSync(join(apart, 'example-'))
    try {
      for (const name of ['main.ts', 'schema.prisma']) cpSync(join(ROOT, 'examples/prisma', name), join(folder, name))
      const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' }
      const prisma = join(apart, 'node_modules/prisma/build/index.js')
      execFileSync(process.execPath, [prisma, 'generate', '--schema', 'schema.prisma'], { cwd: folder, env })
      const { code, said } = await run(join(folder, 'main.ts'))
      expect(code, said).toBe(0)
      expect(said).toMatch(/All that was ordered: \[[^]*'tea'[^]*'coffee'/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

async function run(file: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', file], { cwd: ROOT })
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, said }
}
