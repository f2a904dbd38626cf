import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { BrowserContext } from 'playwright-core'

const USUAL = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Headless, and without a word to anybody outside. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A real Chromium with a profile of its own, which goes with it. */
export interface Chromium extends AsyncDisposable {
  readonly context: BrowserContext
}

export async function openChromium(): Promise<Chromium> {
  const executablePath = findBrowser()
  const profile = mkdtempSync(join(tmpdir(), 'hasql-chromium-'))
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS })
  return {
    context,
    [Symbol.asyncDispose]: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function findBrowser(): string {
  const named = process.env['HASQL_CHROMIUM']
  const found = (named === undefined ? USUAL : [named]).find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new Error(
    named === undefined
      ? `No Chromium was found (${USUAL.join(', ')}). Install one (Debian: apt-get install chromium), or name it in HASQL_CHROMIUM.`
      : `HASQL_CHROMIUM names ${named}, but there is no such file.`,
  )
}
