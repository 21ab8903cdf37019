import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDeclared } from '../../src/inventory/declared.ts'

const read = (text: string) => readDeclared('inventory.yaml', text)
const told = (text: string): string[] => {
  try {
    read(text)
  } catch (error) {
    const { code, message } = error as Error & { code: string }
    assert.equal(code, 'CONFIG_INVALID')
    return message.split('\n').slice(1)
  }
  throw new Error('nothing was refused')
}

describe('declared secrets', () => {
  it('are read from YAML, and from JSON', () => {
    const secret = { name: 'smtp', kind: 'password', owner: 'team', rotatedAt: '2026-03-01', rotateEvery: '90d' }
    const expected = { ...secret, rotatedAt: Date.UTC(2026, 2, 1), rotateEveryMs: 90 * 86_400_000 }
    const { rotateEvery: _, ...read1 } = expected
    assert.deepEqual(read(JSON.stringify({ secrets: [secret] })), [read1])
    const yaml = Object.entries(secret).map(([name, value]) => `    ${name}: ${value}`)
    assert.deepEqual(read(`secrets:\n  -\n${yaml.join('\n')}\n`), [read1])
    assert.deepEqual(read('secrets: []'), [])
  })

  it('that are wrong are refused with the line and the field, all at once, and no value', () => {
    const text = `secrets:
  - name: smtp
    owner: team
    rotatedAt: hunter2-of-old
    rotateEvery: 90
    password: hunter2
  - name: smtp2
    owner: ""
    rotatedAt: 2026-03-01
    rotateEvery: 0s
`
    assert.deepEqual(told(text), [
      'inventory.yaml:4: secrets[0].rotatedAt: expected a day or a time, as in 2026-03-01',
      'inventory.yaml:5: secrets[0].rotateEvery: expected a duration, as in 90d',
      'inventory.yaml:6: secrets[0].password: there is no such field',
      'inventory.yaml:8: secrets[1].owner: expected a line of text, of 1 to 200 characters',
      'inventory.yaml:10: secrets[1].rotateEvery: expected a duration above 0, as in 90d',
    ])
  })

  it('that lack something are told of what is missing', () => {
    assert.deepEqual(told('secrets:\n  - name: smtp\n    owner: team\n    rotatedAt: 2026-03-01\n'), [
      'inventory.yaml:2: secrets[0].rotateEvery: missing, expected a duration, as in 90d',
    ])
  })

  it('stand there once', () => {
    const entry = '  - { name: smtp, owner: team, rotatedAt: 2026-03-01, rotateEvery: 90d }\n'
    assert.deepEqual(told(`secrets:\n${entry}${entry}`), [
      'inventory.yaml:3: secrets[1].name: another secret has this name',
    ])
  })

  it('of a text that is nothing of the sort are refused', () => {
    for (const text of ['', 'secrets', '[1]', 'secrets: {', 'secrets: &a [*a]', '- !!js x', 'a: 1\na: 2']) {
      assert.match(told(text)[0] ?? '', /^inventory\.yaml:\d+: /, text)
    }
  })
})
