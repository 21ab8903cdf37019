import { CompiledQuery, type Transaction } from 'kysely'
import pg from 'pg'
import type { Db } from 'pg-boss'
import type { Pool } from '../connection/connect.ts'

/** As pg-boss expects its values, which is not how ours come. */
const { types } = pg

/**
 * pg-boss on a pool of ours, so that the deadline of every query holds for its queries, too.
 *
 * What it sends without values may be several statements with a BEGIN among them. When one of those fails the connection is in a
 * transaction that nobody ends: it must not go back into the pool.
 */
export function overPool(pool: Pool): Db {
  return {
    async executeSql(text, values) {
      if (values) return pool.query({ text, values: [...values], types })
      const client = await pool.connect()
      try {
        const result = await client.query({ text, types })
        client.release()
        return result
      } catch (error) {
        client.release(true)
        throw error
      }
    },
  }
}

/** pg-boss within a transaction: what it does is done with everything else in it, or not at all. */
export function within<Tables>(transaction: Transaction<Tables>): Db {
  return {
    executeSql: async (text, values = []) => {
      const { rows } = await transaction.executeQuery(CompiledQuery.raw(text, [...values]))
      return { rows }
    },
  }
}
