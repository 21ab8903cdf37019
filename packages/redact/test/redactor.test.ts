import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import * as redact from '../src/index.ts'
import { redactLine, redactor, serializers } from '../src/index.ts'

describe('redactor', () => {
  const own = redactor({ secretNames: ['nationalId', 'Straße'], allowHeaders: ['x-tenant'] })

  it('hides what has a name of one’s own, in every function and in any spelling', () => {
    assert.deepEqual(own.redactValue({ nationalId: 'a', national_ids: ['b'], id: 'c' }), {
      nationalId: '<redacted>',
      national_ids: '<redacted>',
      id: 'c',
    })
    assert.equal(
      own.redactText('NATIONAL-ID=a, strasse=b, straße=c'),
      'NATIONAL-ID=<redacted>, strasse=b, straße=<redacted>',
    )
    assert.equal(own.redactText('national-id: a'), 'national-id: <redacted>')
    assert.equal(own.redactQuery('/a?national%49d=a&x=1'), '/a?national%49d=<redacted>&x=1')
    assert.equal(own.redactForm('nationalid=a'), 'nationalid=<redacted>')
    assert.equal(own.redactJson('{"nationalId":1}'), '{"nationalId":"<redacted>"}')
    assert.deepEqual(own.redactBody({ nationalId: 'a' }), { nationalId: '<redacted>' })
    assert.equal(own.redactLine('{"nationalId":"a"}\n'), '{"nationalId":"<redacted>"}\n')
    assert.deepEqual(own.serializers.req({ nationalId: 'a' }), { nationalId: '<redacted>' })
    assert.deepEqual(own.redactHeaders({ 'x-tenant': 't', 'x-own': 'a' }), { 'x-tenant': 't', 'x-own': '<redacted>' })
  })

  it('hides it in a logger, also in what was bound to its children', () => {
    const lines: string[] = []
    const logger = pino({ ...own.pinoRedaction(), base: undefined }, { write: (line: string) => void lines.push(line) })
    logger.child({ nationalId: 'abc' }).info({ nationalId: 'abc' }, 'nationalId=%s', 'abc')
    assert.equal(lines.length, 1)
    assert.ok(!lines[0]?.includes('abc'), lines[0])
  })

  it('changes nothing for those who use the functions as they are', () => {
    assert.deepEqual(redact.redactValue({ nationalId: 'a' }), { nationalId: 'a' })
  })

  it('has every function of the package', () => {
    const { REDACTED, redactor: made, ...functions } = redact
    assert.equal(REDACTED, '<redacted>')
    assert.deepEqual(Object.keys(made()).sort(), Object.keys(functions).sort())
  })

  it('refuses options that are no lists of names', () => {
    for (const options of [
      { secretNames: 'a' },
      { secretNames: ['--'] },
      { allowHeaders: [1] },
      { allowHeaders: null },
    ]) {
      assert.throws(() => redactor(options as never), TypeError)
    }
  })
})

describe('redactLine', () => {
  it('takes a line of JSON or of anything else, and keeps its end', () => {
    assert.equal(redactLine('{"msg":"a","token":"b"}\r\n'), '{"msg":"a","token":"<redacted>"}\r\n')
    assert.equal(redactLine('12:00:01 INFO token=b ok'), '12:00:01 INFO token=<redacted> ok')
    assert.equal(redactLine('"password=b"\n'), '"password=<redacted>"\n')
    assert.equal(redactLine('{"msg":"a"}\n'), '{"msg":"a"}\n')
  })
})

describe('serializers', () => {
  it('serve a logger that has no hooks', () => {
    const lines: string[] = []
    const logger = pino({ serializers: { ...serializers } }, { write: (line: string) => void lines.push(line) })
    logger.info({
      req: { method: 'GET', url: '/cb?code=abc', headers: { 'x-own': 'abc' } },
      err: new Error('token=abc'),
    })
    const { req, err } = JSON.parse(lines[0] ?? '{}') as { req: object; err: { message: string } }
    assert.deepEqual(req, { method: 'GET', url: '/cb?code=<redacted>', headers: { 'x-own': '<redacted>' } })
    assert.equal(err.message, 'token=<redacted>')
  })
})
