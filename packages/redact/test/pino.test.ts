import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { pinoRedaction } from '../src/index.ts'
import { plantedText, plantedValue } from './plants.ts'
import { compactJws, leaks } from './secrets.ts'

const jws = compactJws({ sub: 'a' })

function recorder() {
  const lines: string[] = []
  const logger = pino({ ...pinoRedaction(), base: undefined }, { write: (line: string) => void lines.push(line) })
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> }
}

describe('pinoRedaction', () => {
  it('keeps messages, levels and correlation ids', () => {
    const { logger, last } = recorder()
    logger.child({ reqId: 'req-1' }).warn({ correlation_id: '4f9c2f5e-6a0e', n: 1 }, 'done in %d ms', 12)
    const { time, ...rest } = last()
    assert.equal(typeof time, 'number')
    assert.deepEqual(rest, { level: 40, reqId: 'req-1', correlation_id: '4f9c2f5e-6a0e', n: 1, msg: 'done in 12 ms' })
  })

  it('hides a token whose scheme and value are joined only by the message', () => {
    const { logger, last } = recorder()
    logger.info('Authorization: Bearer %s', 'abcdef')
    assert.ok(!JSON.stringify(last()).includes('abcdef'))
  })

  it('hides the message that pino takes from an error', () => {
    const { logger, last } = recorder()
    logger.error(new Error(`refused ${jws}`))
    assert.equal(last().msg, 'refused <redacted>')
    logger.error({ err: new Error(`refused ${jws}`) })
    assert.equal(last().msg, 'refused <redacted>')
    logger.error(new Error(`refused ${jws}`), 'with %s', jws)
    assert.equal(last().msg, 'with <redacted>')
    assert.equal((last().err as { message: string }).message, 'refused <redacted>')
  })

  it('hides what was bound to a child logger, by name and by form', () => {
    const { logger, lines } = recorder()
    logger.child({ password: 'hunter2' }).info('a')
    logger.child({ note: `saw ${jws}` }, { serializers: { other: String } }).info('b')
    logger.child({ jwk: { kty: 'oct', k: 'c2hvcnQ' } }).info('c')
    assert.equal(lines.length, 3)
    for (const secret of ['hunter2', jws, 'c2hvcnQ']) assert.ok(!lines.join('').includes(secret), secret)
  })

  it('lets no planted secret through any way of logging', () => {
    fc.assert(
      fc.property(plantedValue, plantedText, fc.constantFrom('note', 'data', 'x'), ({ value, parts }, text, name) => {
        const { logger, lines } = recorder()
        const members = { [name]: value }
        logger.info(members, 'x')
        logger.info(value as object)
        logger.info('%j', members)
        logger.info('%o and %s', members, text.value)
        logger.info('%s', value)
        logger.info({ deep: { members } }, text.value)
        logger.error(Object.assign(new Error(text.value), members))
        logger.error({ err: new Error('outer', { cause: Object.assign(new Error(text.value), members) }) })
        logger.child(members).info('child')
        logger
          .child({ [text.value]: 1 })
          .child({ note: text.value })
          .info(members, 'grandchild')
        assert.equal(lines.length, 10)
        for (const line of lines) assert.ok(!leaks(line, { parts: [...parts, ...text.parts] }), line)
      }),
      { numRuns: Number(process.env.RUNS ?? 150) },
    )
  })

  it('tells a request of node:http in a few members', async () => {
    const { logger, last } = recorder()
    const server = createServer((req, res) => {
      logger.info({ req, res }, 'request')
      res.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const reply = await fetch(`http://127.0.0.1:${port}/cb?code=abc`, { headers: { authorization: 'Bearer abc' } })
    await reply.arrayBuffer()
    server.closeAllConnections()
    server.close()
    const req = last().req as { url: string; method: string; remoteAddress: string; headers: Record<string, string> }
    assert.equal(req.url, '/cb?code=<redacted>')
    assert.equal(req.method, 'GET')
    assert.equal(req.remoteAddress, '127.0.0.1')
    assert.equal(req.headers.authorization, 'Bearer <redacted>')
    assert.equal((last().res as { statusCode: number }).statusCode, 200)
  })

  it('writes a line for every value that pino can write', () => {
    const { logger, lines } = recorder()
    const info = logger.info.bind(logger) as (...values: unknown[]) => void
    info('m %j %d %s %o', 10n, 10n, 10n, 10n)
    info({ big: 10n }, '%j', { toJSON: () => 10n })
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    info('m %s %o', proxy, proxy)
    assert.equal(lines.length, 3)
  })

  it('hides what a child logger was given as a statement of SQL or as XML', () => {
    const { logger, lines } = recorder()
    logger.child({ note: "ALTER USER x PASSWORD 'hunter2'" }).info('a')
    logger.child({ note: '<password>hunter2</password>' }).info('b')
    assert.equal(lines.join('').includes('hunter2'), false)
    assert.equal(lines.length, 2)
  })
})
