import { compareValues } from './compare.js';

/** An immutable list of records; every method gives a new table. */
export class Table {
  #records;

  constructor(records) {
    this.#records = [...records];
  }

  get size() {
    return this.#records.length;
  }

  get columns() {
    return this.#records.length === 0 ? [] : Object.keys(this.#records[0]);
  }

  toRecords() {
    return [...this.#records];
  }

  where(predicate) {
    return new Table(this.#records.filter(predicate));
  }

  select(...names) {
    for (const name of names) this.#mustHave(name);
    return new Table(
      this.#records.map((record) => Object.fromEntries(names.map((name) => [name, record[name]]))),
    );
  }

  /** Records in order of one column. Equal records keep their order. */
  sortBy(name, { descending = false } = {}) {
    this.#mustHave(name);
    const sorted = [...this.#records].sort((a, b) => compareValues(a[name], b[name]));
    return new Table(descending ? sorted.reverse() : sorted);
  }

  /** One record per distinct value of `name`, with `aggregates`: column -> function of the group's records. */
  groupBy(name, aggregates) {
    this.#mustHave(name);
    const groups = {};
    for (const record of this.#records) {
      const key = record[name];
      groups[key] ??= { key, records: [] };
      groups[key].records.push(record);
    }
    return new Table(
      Object.values(groups).map(({ key, records }) => {
        const result = { [name]: key };
        for (const [column, aggregate] of Object.entries(aggregates)) result[column] = aggregate(records);
        return result;
      }),
    );
  }

  /** Fills columns that a record lacks, or holds as null, with the given values. */
  withDefaults(defaults) {
    return new Table(
      this.#records.map((record) => {
        for (const [name, value] of Object.entries(defaults)) {
          record[name] ??= value;
        }
        return record;
      }),
    );
  }

  /** Pairs of records that agree in column `on`; the other table's columns win on a clash of names. */
  join(other, on) {
    this.#mustHave(on);
    const byKey = groupRecords(other.toRecords(), on);
    return new Table(
      this.#records.flatMap((record) => (byKey.get(record[on]) ?? []).map((match) => ({ ...record, ...match }))),
    );
  }

  #mustHave(name) {
    if (this.#records.length > 0 && !this.columns.includes(name)) {
      throw new RangeError(`no column ${JSON.stringify(name)}; there are ${this.columns.join(', ')}`);
    }
  }
}

function groupRecords(records, on) {
  const groups = new Map();
  for (const record of records) {
    const group = groups.get(record[on]);
    if (group) group.push(record);
    else groups.set(record[on], [record]);
  }
  return groups;
}
