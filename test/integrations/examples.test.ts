import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const ROOT = new URL('../../', import.meta.url)

/** The examples run as a reader would run them: without a test runner, which resolves imports in a way of its own. */
describe('the examples end by themselves, with nothing to complain of', () => {
  test.each(readdirSync(new URL('examples/integrations', ROOT)))('%s', async (name) => {
    const child = spawn(process.execPath, ['--import', 'tsx', `examples/integrations/${name}`], { cwd: ROOT })
    let said = ''
    child.stdout.on('data', (chunk) => (said += String(chunk)))
    child.stderr.on('data', (chunk) => (said += String(chunk)))
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    expect(code, said).toBe(0)
  })
})
