import { answer, asked, reach } from './operator.js'
import { readState } from './state.js'

const [active] = readState().keys
if (asked.kind === 'compromised' && active.kid !== asked.plan.kid) {
  answer({ unavailable: 'the compromised key does not sign any more' })
} else {
  // Neither the secret nor the token is ever an argument: every user of the machine sees those.
  const credential = Buffer.from(`rekey-probe:${process.env.CLIENT_SECRET}`).toString('base64')
  const body = new URLSearchParams({ grant_type: 'client_credentials', resource: 'urn:example:api' })
  const response = await reach('/token', { method: 'POST', headers: { authorization: `Basic ${credential}` }, body })
  if (!response.ok) {
    console.error(`the token endpoint answered ${response.status}`)
    process.exit(1)
  }
  answer({ token: (await response.json()).access_token })
}
