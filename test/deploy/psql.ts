/** In the place of psql, for databases.sh: carries out what comes in, by the address of the variable DATABASE. */
import { text } from 'node:stream/consumers'
import { connect } from '@rekey/database'
import { sql } from 'kysely'

const { db, close } = connect(String(process.env.DATABASE), { max: 1 })
try {
  // One by one: a database is not made in a transaction.
  for (const statement of (await text(process.stdin)).split(/;\n/)) {
    if (statement.trim() !== '') await sql.raw(statement).execute(db)
  }
} finally {
  await close()
}
