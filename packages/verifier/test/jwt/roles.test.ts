import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rolesOf } from '../../src/jwt/roles.ts'

const roles = (claims: Record<string, unknown>, client?: string) => [...rolesOf({ exp: 1, ...claims }, client)]

describe('rolesOf', () => {
  it('reads roles and realm_access.roles', () => {
    assert.deepEqual(roles({ roles: ['a'], realm_access: { roles: ['b', 'a'] } }), ['a', 'b'])
  })

  it('takes a text for one role, spaces and all', () => {
    assert.deepEqual(roles({ roles: 'order manager' }), ['order manager'])
  })

  it('reads the roles for a client only when it is named', () => {
    const claims = { roles: ['a'], resource_access: { shop: { roles: ['manager'] }, blog: { roles: ['editor'] } } }
    assert.deepEqual(roles(claims), ['a'])
    assert.deepEqual(roles(claims, 'shop'), ['a', 'manager'])
    assert.deepEqual(roles(claims, 'other'), ['a'])
  })

  it('finds nothing in what every object inherits', () => {
    for (const client of ['constructor', '__proto__', 'toString']) {
      assert.deepEqual(roles({ resource_access: {} }, client), [])
    }
    const claims = JSON.parse('{"resource_access":{"__proto__":{"roles":["a"]}}}')
    assert.deepEqual(roles(claims, 'constructor'), [])
    assert.deepEqual(roles(claims, '__proto__'), ['a'])
  })

  it('finds nothing in claims of other types', () => {
    for (const value of [undefined, null, 7, true, {}, [], [null, 7, '', ['a']]]) {
      assert.deepEqual(roles({ roles: value, realm_access: value, resource_access: value }, 'shop'), [])
      assert.deepEqual(
        roles({ realm_access: { roles: value }, resource_access: { shop: { roles: value } } }, 'shop'),
        [],
      )
      assert.deepEqual(roles({ resource_access: { shop: value } }, 'shop'), [])
    }
  })
})
