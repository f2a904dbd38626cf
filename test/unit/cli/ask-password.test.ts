import { expect, test } from 'vitest'
import { askPassword } from '../../../src/cli/ask-password.ts'
import { FakeIo } from '../../support/fake-io.ts'
import { rejection } from '../../support/eventually.ts'

test('on a terminal the password is not echoed, and the terminal is as before', async () => {
  const io = new FakeIo({}, { columns: 80 })
  const asked = askPassword(io, 'app')
  for (const keys of ['secx', '\u007f', 'ret', Buffer.from('é')[0] ?? 0, Buffer.from('é')[1] ?? 0, '\r']) {
    io.keys.emit('data', typeof keys === 'number' ? Uint8Array.of(keys) : Buffer.from(keys))
  }
  expect(await asked).toBe('secreté')
  expect(io.err.text).toBe('Password for app: \n')
  expect(io.out.text).toBe('')
  expect(io.keys.modes).toEqual([true, false])
})

test('the terminal shows nothing any more when the question appears: an answer may come at once', async () => {
  const io = new FakeIo({}, { columns: 80 })
  const modes: (readonly boolean[])[] = []
  const write = io.err.write.bind(io.err)
  io.err.write = (text) => {
    modes.push([...io.keys.modes])
    return write(text)
  }
  const asked = askPassword(io, 'app')
  io.keys.emit('data', 'secret\r')
  expect(await asked).toBe('secret')
  expect(modes).toEqual([[true], [true, false]])
})

test('Ctrl-C gives up, and the terminal is as before', async () => {
  const io = new FakeIo({}, { columns: 80 })
  const asked = rejection(askPassword(io, 'app'))
  io.keys.emit('data', 'sec\u0003')
  expect(String(await asked)).toContain('No password was given')
  expect(io.keys.modes).toEqual([true, false])
})

test('without a terminal it is the first line of the input', async () => {
  const io = new FakeIo()
  const asked = askPassword(io, 'app')
  io.keys.emit('data', 'secret\nmore')
  expect(await asked).toBe('secret')
  expect(io.err.text).toBe('')
  expect(io.keys.modes).toEqual([])
  const last = askPassword(io, 'app')
  io.keys.emit('data', 'no line end')
  io.keys.emit('end')
  expect(await last).toBe('no line end')
  const none = rejection(askPassword(io, 'app'))
  io.keys.emit('end')
  expect(String(await none)).toContain('No password was given on the input')
})
