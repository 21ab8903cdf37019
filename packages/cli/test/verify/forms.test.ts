import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formsIn } from '../../src/verify/forms.ts'

const page = new URL('https://idp.example/interaction/7/')

test('a form is read with where it leads, what stands in it, and whether it asks for a password', () => {
  const html = `<!doctype html><form method="post" action="login">
    <input type="hidden" name="csrf" value="a&amp;b&quot;&#39;&#x41;"><input name=user value='ada'>
    <input type="password" name="password"><input type="submit"></form>
    <form action="/abort"><button>no</button></form>`
  const [login, abort] = formsIn(html, page)
  assert.equal(login?.action.href, 'https://idp.example/interaction/7/login')
  assert.equal(login?.method, 'POST')
  assert.deepEqual(
    [...(login?.fields ?? [])],
    [
      ['csrf', 'a&b"\'A'],
      ['user', 'ada'],
      ['password', ''],
    ],
  )
  assert.equal(login?.hasPassword, true)
  assert.deepEqual([abort?.action.href, abort?.method, abort?.hasPassword], ['https://idp.example/abort', 'GET', false])
})

test('a page without forms has none', () => {
  assert.deepEqual(formsIn('<p>nothing</p>', page), [])
})
