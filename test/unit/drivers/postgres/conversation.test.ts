import { expect, test } from 'vitest'
import { checkAuthentication } from '../../../../src/drivers/postgres/start-native.ts'
import { Conversation } from '../../../../src/drivers/postgres/conversation.ts'
import type { ConversationEvents } from '../../../../src/drivers/postgres/conversation.ts'

const EVENTS: ConversationEvents = { refused: () => undefined, hinted: () => undefined }

test.each([
  ['nothing to prove', 0, '', undefined],
  ['a SCRAM challenge', 11, 'r=abc+/=,s=c2FsdA==,i=4096', undefined],
  ['a challenge without a salt', 11, 'r=abc,i=4096', '08P01'],
  ['a challenge with no number of rounds', 11, 'r=abc,s=c2FsdA==,i=x', '08P01'],
  ['Kerberos', 7, '', '28000'],
])('asked for %s (kind %i)', (_what, kind, body, code) => {
  const error = checkAuthentication(kind, Buffer.from(body))
  expect(error === undefined ? undefined : Reflect.get(error, 'code')).toBe(code)
})

test('an error before the login is the end of it', () => {
  const talk = new Conversation(EVENTS)
  expect(talk.refused({ C: '28P01', M: 'wrong password', V: 'FATAL' })).toBe(false)
  expect(talk.fate).toMatchObject({ code: '28P01', message: 'wrong password', severity: 'FATAL' })
})

test('a server may call itself a standby, or not, or say nothing of it', () => {
  const talk = new Conversation(EVENTS)
  expect(talk.isStandby).toBe(undefined)
  talk.parameter('in_hot_standby', 'on')
  expect(talk.isStandby).toBe(true)
  talk.parameter('in_hot_standby', 'off')
  expect(talk.isStandby).toBe(false)
})

test('a setting that changes hints at another role, one that is told for the first time does not', () => {
  let hints = 0
  const talk = new Conversation({ ...EVENTS, hinted: () => void (hints += 1) })
  talk.parameter('in_hot_standby', 'on')
  talk.parameter('in_hot_standby', 'on')
  talk.parameter('TimeZone', 'UTC')
  talk.parameter('TimeZone', 'GMT')
  expect(hints).toBe(0)
  talk.parameter('in_hot_standby', 'off')
  expect(hints).toBe(1)
})

test('PortalSuspended without a cursor is not the protocol', () => {
  expect(new Conversation(EVENTS).suspended()).toBe(false)
})
