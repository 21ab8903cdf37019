import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  redactBody,
  redactForm,
  redactHeaders,
  redactJson,
  redactLine,
  redactQuery,
  redactText,
  redactValue,
  serializers,
} from '../src/index.ts'
import { plantedJson, plantedText, plantedValue } from './plants.ts'
import { bareSecret, leaks, plainSecret, secretName } from './secrets.ts'

const numRuns = Number(process.env.RUNS ?? 300)
const json = (value: unknown) => JSON.stringify(value) ?? ''

describe('a planted secret is not seen again', () => {
  it('in values of whatever structure', () => {
    fc.assert(
      fc.property(plantedValue, (plant) => {
        for (const redact of [redactValue, serializers.req, serializers.err]) {
          const seen = json(redact(plant.value))
          assert.ok(!leaks(seen, plant), seen)
        }
      }),
      { numRuns },
    )
  })

  it('in texts', () => {
    fc.assert(
      fc.property(fc.array(plantedText, { minLength: 1, maxLength: 3 }), (plants) => {
        const text = plants.map(({ value }) => value).join(' then ')
        const seen = [
          redactText(text),
          redactQuery(text),
          redactLine(text),
          redactJson(text),
          redactBody(text, 'text/plain'),
        ]
        for (const one of seen) for (const plant of plants) assert.ok(!leaks(String(one), plant), String(one))
      }),
      { numRuns },
    )
  })

  it('in JSON, whole or cut off', () => {
    fc.assert(
      fc.property(plantedJson, fc.double({ min: 0, max: 1, noNaN: true }), (plant, cut) => {
        const text = json({ data: plant.value })
        const body = Buffer.from(text)
        const seen = [redactJson(text), redactLine(text), redactBody(text), redactBody(body, 'application/json')]
        for (const one of seen) assert.ok(!leaks(String(one), plant), String(one))
        redactJson(text.slice(0, Math.floor(cut * text.length)))
      }),
      { numRuns },
    )
  })

  it('in JSON that was cut off, beside a telling name', () => {
    fc.assert(
      fc.property(secretName, plainSecret, fc.nat(2), fc.nat(40), (name, { text, parts }, form, cut) => {
        const whole = json([{ a: 1, [name]: [text, [text], { b: { c: text } }][form], x: 1 }])
        const seen = redactJson(whole.slice(0, -1 - cut))
        assert.ok(!leaks(seen, { parts }), seen)
      }),
      { numRuns },
    )
  })

  it('in forms and multipart forms', () => {
    fc.assert(
      fc.property(fc.oneof(secretName, fc.constantFrom('code', 'state')), plainSecret, (name, { text, parts }) => {
        const form = `a=1&${new URLSearchParams([[name, text]])}&b=2`
        const multipart = `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n--x--\r\n`
        const seen = [
          redactForm(form),
          redactBody(form, 'application/x-www-form-urlencoded'),
          redactBody({ [name]: text }, 'application/x-www-form-urlencoded'),
          redactBody(Buffer.from(multipart), 'multipart/form-data; boundary=x'),
        ]
        for (const one of seen) assert.ok(!leaks(json(one), { parts }), json(one))
      }),
      { numRuns },
    )
  })

  it('in headers of every form', () => {
    const names = fc.oneof(secretName, fc.constantFrom('Proxy-Authorization', 'Set-Cookie', 'Cookie', 'x-own'))
    fc.assert(
      fc.property(
        names,
        bareSecret,
        fc.constantFrom('', 'Bearer ', 'DPoP ', 'a=', 'a=1; b='),
        (name, { text, parts }, before) => {
          const value = `${before}${text}`
          const forms = [
            { [name]: value },
            { [name]: [value, value] },
            [[name, value]] as const,
            ['Host', 'h', name, value],
            [{ name, value }],
          ]
          for (const headers of forms) {
            const seen = json(redactHeaders(headers as Parameters<typeof redactHeaders>[0]))
            assert.ok(!leaks(seen, { parts }), seen)
          }
        },
      ),
      { numRuns },
    )
  })
})

describe('redacting twice', () => {
  it('is redacting once, for values', () => {
    fc.assert(
      fc.property(plantedValue, ({ value }) => {
        const once = redactValue(value)
        assert.deepEqual(redactValue(once), once)
      }),
      { numRuns },
    )
  })

  for (const redact of [redactText, redactQuery, redactForm, redactJson, redactLine]) {
    it(`is redacting once, for texts: ${redact.name}`, () => {
      const texts = fc.oneof(
        plantedText.map(({ value }) => value),
        plantedJson.map(({ value }) => json(value)),
      )
      fc.assert(
        fc.property(texts, (text) => {
          const once = redact(text)
          assert.equal(redact(once), once)
        }),
        { numRuns },
      )
    })
  }
})

describe('a text without secrets', () => {
  const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))
  const harmless = fc.oneof(
    fc.lorem(),
    fc.uuid(),
    hex(40),
    hex(64),
    fc.stringMatching(/^[A-Za-z0-9_-]{43}$/).filter((kid) => !/[.~]|sk-|hf_|sk_|rk_|rkt_/.test(kid)),
    fc.stringMatching(/^(?:req|corr|kid|agent|job)[-_][A-Za-z0-9]{6,26}$/),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.stringMatching(/^[€$£][0-9]{1,3}(?:,[0-9]{3}){0,2}\.[0-9]{2}$/),
    fc.stringMatching(/^(?:\/[a-z][a-z0-9_.-]{0,12}){1,5}$/),
    fc.webUrl({ withQueryParameters: false, withFragments: false }),
    fc.emailAddress().filter((address) => !address.includes('=') && !address.includes('&')),
    fc.ipV4(),
    fc.constantFrom(
      'took 12 ms',
      'v1.2.3-rc.1',
      'HTTP/1.1',
      'kid=a-1 alg=ES256',
      'status: 404',
      'retry in 5s;',
      'a?b&c',
    ),
  )
  const text = fc.array(harmless, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(' '))

  for (const redact of [redactText, redactQuery, redactJson, redactLine]) {
    it(`is unchanged: ${redact.name}`, () => {
      fc.assert(
        fc.property(text, (plain) => assert.equal(redact(plain), plain)),
        { numRuns },
      )
    })
  }

  it('is unchanged in values and in JSON, white space and all', () => {
    const names = fc.constantFrom('kid', 'state', 'code', 'reqId', 'sub', 'count', 'd1', 'sid', 'jti', 'url')
    const value = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, text, fc.integer(), fc.boolean(), tie('object'), tie('list')),
      object: fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      list: fc.array(tie('value'), { maxLength: 3 }),
    })).object
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (members, indent) => {
        assert.equal(json(redactValue(members)), json(members))
        const written = JSON.stringify(members, null, indent)
        assert.equal(redactJson(written), written)
      }),
      { numRuns },
    )
  })
})
