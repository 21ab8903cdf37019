import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { corsOf, corsVariables } from '../../src/config/cors.ts'
import { proxyOf, proxyVariables } from '../../src/config/proxy.ts'
import { webOf, webVariables } from '../../src/config/web.ts'

const variables = z.object({ ...corsVariables, ...proxyVariables, ...webVariables })

describe('origins that may call', () => {
  it('are none by default, and a list of exact ones', () => {
    assert.deepEqual(corsOf(variables.parse({})), { origins: [] })
    const text = 'https://app.example, http://localhost:5173 https://[::1]:8443'
    const origins = ['https://app.example', 'http://localhost:5173', 'https://[::1]:8443']
    assert.deepEqual(corsOf(variables.parse({ REKEY_CORS_ORIGINS: text })), { origins })
  })

  it('are a mistake of the configuration when they are not written as browsers write them', () => {
    const wrong = [
      '*',
      'null',
      'app.example',
      'https://*.example',
      'https://app.example/',
      'https://APP.example',
      'https://app.example:443',
      'https://a@app.example',
      'file:///x',
      'https://app.example/x',
    ]
    for (const text of wrong) {
      for (const name of ['REKEY_CORS_ORIGINS', 'REKEY_OUTBOUND_ALLOW']) {
        const parsed = variables.safeParse({ [name]: `https://good.example,${text}` })
        assert.ok(!parsed.success, text)
        assert.deepEqual(
          parsed.error.issues.map(({ path }) => path),
          [[name]],
        )
        assert.match(parsed.error.message, new RegExp(text.replace(/[.*+?/[\]]/g, '\\$&')))
      }
    }
  })
})

describe('the settings of the proxy and of pages', () => {
  it('have defaults', () => {
    assert.deepEqual(proxyOf(variables.parse({})), {
      outboundAllow: [],
      maxBodyBytes: 10_485_760,
      requestTimeoutMs: 300_000,
      timeoutMs: 60_000,
    })
    assert.deepEqual(webOf(variables.parse({})), { folder: undefined, hstsMaxAgeMs: 31_536_000_000 })
  })

  it('are refused when they make no sense', () => {
    const wrong = {
      REKEY_MAX_BODY_BYTES: '10MB',
      REKEY_REQUEST_TIMEOUT: '0s',
      REKEY_UPSTREAM_TIMEOUT: '0s',
      REKEY_HSTS_MAX_AGE: 'long',
    }
    const { error } = variables.safeParse(wrong)
    assert.deepEqual(error?.issues.map(({ path: [name] }) => name).toSorted(), Object.keys(wrong).toSorted())
  })
})
