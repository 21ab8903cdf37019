import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalTarget } from '../../src/binding/target.ts'

const SAME: readonly [string, string, string][] = [
  ['the case of scheme and host', 'HTTPS://API.Example.COM/a', 'https://api.example.com/a'],
  ['the default port', 'https://api.example.com:443/a', 'https://api.example.com/a'],
  ['an empty path', 'http://api.example.com:80', 'http://api.example.com/'],
  ['dot segments', 'https://api.example.com/x/../a/./b', 'https://api.example.com/a/b'],
  ['escaped dot segments', 'https://api.example.com/x/%2e%2E/a', 'https://api.example.com/a'],
  ['the case of escapes', 'https://api.example.com/a%2fb%c3%a9', 'https://api.example.com/a%2Fb%C3%A9'],
  ['escapes that need not be', 'https://api.example.com/%7Euser/%41', 'https://api.example.com/~user/A'],
  ['query and fragment', 'https://api.example.com/a?b=c#d', 'https://api.example.com/a'],
]

const DIFFERENT: readonly [string, string, string][] = [
  ['another scheme', 'http://api.example.com/a', 'https://api.example.com/a'],
  ['another port', 'https://api.example.com:8443/a', 'https://api.example.com/a'],
  ['another host', 'https://api.example.com.evil.org/a', 'https://api.example.com/a'],
  ['the case of the path', 'https://api.example.com/A', 'https://api.example.com/a'],
  ['a trailing slash', 'https://api.example.com/a/', 'https://api.example.com/a'],
  ['an escaped slash', 'https://api.example.com/a%2Fb', 'https://api.example.com/a/b'],
  ['an escape that was escaped', 'https://api.example.com/%2541', 'https://api.example.com/A'],
]

const NONE: readonly unknown[] = [
  undefined,
  7,
  '',
  '/a',
  '//api.example.com/a',
  'api.example.com/a',
  'ftp://api.example.com/a',
  'https:api.example.com/a',
  'https:///api.example.com/a',
  'https:\\\\api.example.com\\a',
  'https://api.example.com/a\\b',
  'https://api.example.com@evil.org/a',
  'https://user:secret@api.example.com/a',
  ' https://api.example.com/a',
  'https://api.example.com/a\tb',
  'https://api.example.com/é',
  'https://api.example.com:99999/a',
  'https://[::1/a',
]

describe('the target of a request', () => {
  for (const [what, one, other] of SAME) {
    it(`is the same whatever ${what}`, () => {
      assert.equal(normalTarget(one), other)
      assert.equal(normalTarget(other), other)
    })
  }

  for (const [what, one, other] of DIFFERENT) {
    it(`differs by ${what}`, () => {
      assert.notEqual(normalTarget(one), undefined)
      assert.notEqual(normalTarget(one), normalTarget(other))
    })
  }

  for (const uri of NONE) {
    it(`is not read from ${JSON.stringify(uri)}`, () => assert.equal(normalTarget(uri), undefined))
  }
})
