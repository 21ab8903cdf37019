import assert from 'node:assert/strict'
import { it } from 'node:test'
import { clearCookie, cookieName, cookiesOf, setCookie } from '../../src/sessions/cookie.ts'

it('belongs to this very host where the public URL is https', () => {
  const own = 'https://bff.example'
  assert.equal(
    setCookie(own, 'bff_session', 'v.a-b_c', 60_500),
    '__Host-bff_session=v.a-b_c; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Lax',
  )
  assert.equal(
    clearCookie(own, 'bff_session'),
    '__Host-bff_session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
  )
  const headers = { cookie: 'bff_session=planted; __Host-bff_session=own; other=1' }
  assert.equal(cookiesOf({ headers })[cookieName(own, 'bff_session')], 'own')
})

it('has its plain name in plaintext, where browsers would refuse the other', () => {
  assert.equal(
    setCookie('http://localhost:8000', 'bff_session', 'v', 1_000),
    'bff_session=v; Max-Age=1; Path=/; HttpOnly; SameSite=Lax',
  )
  assert.deepEqual({ ...cookiesOf({ headers: {} }) }, {})
})
