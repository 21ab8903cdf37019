/** As much of vault as AgentIdP's runbook uses: `vault kv put -mount=MOUNT PATH NAME=-`, where - is all that stands on stdin. */
import { text } from 'node:stream/consumers'
import { operate } from '@rekey/secrets/testing'

const [group, act, option = '', path, member = ''] = process.argv.slice(2)
const [, mount] = /^-mount=(.+)$/.exec(option) ?? []
const [, name] = /^(\w+)=-$/.exec(member) ?? []
if (group !== 'kv' || act !== 'put' || !mount || !name) throw new Error(`vault ${group} ${act} is not played so`)
const { VAULT_ADDR: address = '', VAULT_TOKEN: token = '' } = process.env
// With the line's end, as vault takes it.
const data = { [name]: await text(process.stdin) }
const { status, body } = await operate({ address, token }, 'PUT', `${mount}/data/${path}`, { data })
if (status !== 200) throw new Error(`vault answered ${status}`)
process.stdout.write(`version ${body.data.version}\n`)
