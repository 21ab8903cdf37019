// A process of its own that encrypts a column anew, so that tests can kill it anywhere.
import { columnCipher } from '../../src/columns/cipher.ts'
import { reencrypt } from '../../src/columns/sweep.ts'
import { connect } from '../../src/connection/connect.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { HeldKeys, notes } from './estate.ts'

const [url = '', ...keys] = process.argv.slice(2)
const held = keys.map((text) => {
  const [id = '', key = ''] = text.split('=')
  return { id, key: Buffer.from(key, 'hex') }
})
const { db, close } = connect<DatabaseTables>(url)
const onProgress = ({ moved }: { moved: number }) => console.log(`moved ${moved}`)
await reencrypt(db, [notes], columnCipher(new HeldKeys(...held)), { batch: 5, onProgress })
await close()
