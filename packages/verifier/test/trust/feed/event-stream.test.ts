import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EventStreamParser, type StreamEvent } from '../../../src/trust/feed/event-stream.ts'

const read = (...pieces: string[]): StreamEvent[] => {
  const parser = new EventStreamParser()
  return pieces.flatMap((piece) => parser.push(piece))
}

describe('an event stream', () => {
  it('is read as the standard says', () => {
    assert.deepEqual(read(': hi\nevent: a\nid: 1\ndata: x\ndata:y\n\n'), [{ name: 'a', id: '1', data: 'x\ny' }])
    assert.deepEqual(read('data\n\n'), [{ name: 'message', id: undefined, data: '' }])
    assert.deepEqual(read('event: a\nid: 1\n\n'), [])
    assert.deepEqual(read('retry: 5\nnonsense\ndata:  two spaces\n\n'), [
      { name: 'message', id: undefined, data: ' two spaces' },
    ])
  })

  it('holds back an event until the blank line behind it', () => {
    assert.deepEqual(read('data: x\n'), [])
    assert.deepEqual(read('data: x\r\n\r'), [])
    assert.equal(read('data: x\r\n\r', '\n').length, 1)
  })

  it('means the same however it is cut and whichever line ends it uses', () => {
    const line = fc.oneof(
      fc.constantFrom('', '', ': comment', 'event: trust', 'id: 1.2', 'data: {"a":1}', 'data:', 'other: x'),
      fc.string().map((text) => `data: ${text.replace(/[\r\n]/g, ' ')}`),
    )
    const cuts = fc.array(fc.nat(200), { maxLength: 20 })
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('\n', '\r\n', '\r'), cuts, (lines, end, at) => {
        // One line more than the events need: a CR at the very end could still become a CRLF.
        const text = [...lines, '', ': end', ''].join(end)
        const places = [0, ...at.map((place) => place % text.length).toSorted((a, b) => a - b), text.length]
        const pieces = places.slice(1).map((place, i) => text.slice(places[i], place))
        assert.deepEqual(read(...pieces), read([...lines, '', ': end', ''].join('\n')))
      }),
    )
  })

  it('refuses an event that would not end', () => {
    const parser = new EventStreamParser()
    const piece = 'x'.repeat(1024 * 1024)
    assert.throws(() => {
      for (let i = 0; i < 9; i++) parser.push(piece)
    }, RangeError)
    const lines = new EventStreamParser()
    assert.throws(() => {
      for (let i = 0; i < 9; i++) lines.push(`data: ${piece}\n`)
    }, RangeError)
  })
})
