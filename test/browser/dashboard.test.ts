import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dashboard } from 'hasql/dashboard'
import { Drill } from '../../examples/failover-demo/drill.ts'
import { serveDrill } from '../../examples/failover-demo/web.ts'
import type { DrillPage } from '../../examples/failover-demo/web.ts'
import { openChromium } from './chromium.ts'
import type { Chromium } from './chromium.ts'

const WIDE = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 844 }
const IMAGES = 'docs/images'

let browser: Chromium
let drill: Drill
let served: DrillPage
let page: Page
const foreign: string[] = []
const complaints: string[] = []

beforeAll(async () => {
  browser = await openChromium()
  drill = await Drill.start({ pauseMs: 20 })
  served = await serveDrill(drill, 0)
  page = await browser.context.newPage()
  await page.setViewportSize(WIDE)
  page.on('request', (asked) => {
    if (!asked.url().startsWith(served.url) && !asked.url().startsWith('data:')) foreign.push(asked.url())
  })
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(served.url)
})

afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await drill[Symbol.asyncDispose]()
  await browser[Symbol.asyncDispose]()
})

const host = (state: string): string => `#hosts li[data-state="${state}"]`
const button = (action: string): string => `button[data-action="${action}"]`
const headline = (text: string): Promise<unknown> => page.waitForSelector(`#headline:text-is("${text}")`)

/** What axe-core calls serious or critical. */
async function violations(of: Page): Promise<readonly string[]> {
  await of.evaluate(axe.source)
  const found = await of.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run()
    return violations.map(({ id, impact, nodes }) => ({
      impact,
      text: `${id}: ${nodes.map(({ html }) => html).join(' ')}`,
    }))
  })
  return found.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ text }) => text)
}

/** Looked at in both colours and on a phone. */
async function expectAccessible(): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const size of [WIDE, PHONE]) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize(size)
      await page.waitForTimeout(400)
      expect(await violations(page), `${colorScheme}, ${size.width} px`).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth'), 'no sideways scrolling').toBe(size.width)
    }
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(WIDE)
}

test('a healthy cluster is seen at once', async () => {
  await headline('Healthy')
  expect(await page.locator(host('master')).count()).toBe(1)
  expect(await page.locator(host('replica')).count()).toBe(2)
  expect(await page.locator('#topology svg').getAttribute('aria-label')).toMatch(/^Master: .+\. Replicas: .+, .+\.$/)
  await page.waitForSelector('#note:text-matches(" [1-9][0-9]* writes")')
  expect(await page.locator('#link').textContent()).toBe('Live')
  await expectAccessible()
})

test('a failover is caused by clicking, and the page shows the new master within a second', async () => {
  const dead = await page.locator(host('master')).getAttribute('data-host')
  await page.click(`${host('master')} ${button('Kill')}`)
  await headline('No master')
  await page.waitForSelector(`#hosts li[data-host="${dead ?? ''}"][data-state="unreachable"]`)
  await expectAccessible()
  const heirName = (await page.locator(host('replica')).first().getAttribute('data-host')) ?? ''
  const heir = drill.cluster.nodes.find((node) => drill.hostId(node) === heirName)
  await page.evaluate(`void (globalThis.shown = new Promise((resolve) => {
    const row = document.querySelector('#hosts li[data-host="${heirName}"]')
    new MutationObserver(() => row.dataset.state === 'master' && resolve(Date.now())).observe(row, { attributes: true })
  }))`)
  await page.click(`#hosts li[data-host="${heirName}"] ${button('Promote')}`)
  while ((await heir?.role()) !== 'master') await page.waitForTimeout(5)
  const promotedAt = Date.now()
  const shownAt = Number(await page.evaluate('globalThis.shown'))
  console.log(`the page showed the new master ${shownAt - promotedAt} ms after it was one`)
  expect(shownAt - promotedAt).toBeLessThan(1_000)
  await headline('1 of 3 hosts out of use')
  await page.waitForSelector(`#topology .box.master:has-text("${heirName}")`)
  expect(await page.locator('#live').textContent()).toContain(`the master is ${heirName} now; it was ${dead ?? ''}`)
  await page.waitForSelector('#answer:has-text("done.")')
})

test('a replica that stops applying is seen to fall behind', async () => {
  await page.click(`${host('replica')} ${button('Pause replay')}`)
  await page.waitForSelector('#topology .lag:has-text("s behind")', { timeout: 30_000 })
  await page.waitForTimeout(6_000)
})

test('pictures of it are taken', async () => {
  mkdirSync(IMAGES, { recursive: true })
  await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)')
  await page.mouse.move(0, 0)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.waitForTimeout(400)
    await page.screenshot({ path: `${IMAGES}/dashboard-${colorScheme}.png`, fullPage: true })
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(PHONE)
  await page.waitForTimeout(1_200)
  const clip = { x: 0, y: 0, width: PHONE.width, height: 1_500 }
  await page.screenshot({ path: `${IMAGES}/dashboard-phone.png`, fullPage: true, clip })
  await page.setViewportSize(WIDE)
})

test('the keyboard does it all', async () => {
  await page.reload()
  await page.waitForSelector(`#hosts ${button('Rejoin')}`)
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.id')).toBe('theme')
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
  await page.keyboard.press('Enter')
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(13, 17, 23)')
  await page.keyboard.press('Space')
  expect(await page.locator('html').getAttribute('data-theme')).toBe('light')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.id')).toBe('changes')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.dataset.action')).toBe('Start')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.dataset.action')).toBe('Rejoin')
  await page.keyboard.press('Enter')
  await headline('Healthy')
  await page.waitForSelector(`${host('replica')} button:focus`)
})

test('who wants less motion gets none', async () => {
  const moves = 'getComputedStyle(document.querySelector(".edge")).animationName'
  expect(await page.evaluate(moves)).toBe('flow')
  await page.emulateMedia({ reducedMotion: 'reduce' })
  expect(await page.evaluate(moves)).toBe('none')
  await page.emulateMedia({ reducedMotion: 'no-preference' })
})

test('frozen and back: the stale master is shown as fenced', async () => {
  const frozen = (await page.locator(host('master')).getAttribute('data-host')) ?? ''
  const row = `#hosts li[data-host="${frozen}"]`
  await page.click(`${row} ${button('Freeze')}`)
  await page.waitForSelector(`${row}[data-state="unreachable"]`)
  await page
    .locator(`${host('replica')} ${button('Promote')}`)
    .first()
    .click()
  await page.waitForSelector(host('master'))
  await page.click(`${row} ${button('Thaw')}`)
  await page.waitForSelector(`${row}[data-state="stale-master"]`)
  await headline('1 host fenced')
  await expectAccessible()
  await page.click(`${row} ${button('Rejoin')}`)
  await headline('Healthy')
}, 90_000)

test('mounted below a path without a slash at the end it is the same; read-only it has no buttons', async () => {
  const server = createServer(dashboard(drill.db))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const other = await browser.context.newPage()
  await other.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ops/hasql`)
  await other.waitForSelector('#headline:text-is("Healthy")')
  expect(await other.locator('#hosts button').count()).toBe(0)
  await other.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('it asked nobody but its own server, and the browser had no complaints', () => {
  expect(foreign).toEqual([])
  expect(complaints).toEqual([])
})

test('when the manager closes, the page says so', async () => {
  await drill.workload.stop()
  await drill.db.close()
  await headline('The manager is closed')
  await page.waitForSelector('#link:has-text("Ended")', { timeout: 20_000 })
})
