// A table of rows that the server sends. Every cell is text; a column's kind says how it looks.
export default {
  props: {
    caption: String,
    columns: Array, // {key, title, kind, sortable, narrow, hint}
    rows: Array, // objects by column key
    sort: String,
    descending: Boolean,
  },
  emits: ["sort", "act"],
  template: `
    <div class="table-scroll" tabindex="0" role="region" :aria-label="caption">
      <table>
        <caption class="unseen">{{ caption }}</caption>
        <thead>
          <tr>
            <th v-for="column in columns" :key="column.key" scope="col" :class="look(column)" :title="column.hint"
                :aria-sort="order(column)">
              <button v-if="column.sortable" type="button" @click="$emit('sort', column.key)">
                {{ column.title }}<span class="arrow" aria-hidden="true">{{ arrow(column) }}</span>
              </button>
              <template v-else>{{ column.title }}</template>
            </th>
          </tr>
        </thead>
        <tbody>
          <tr v-for="(row, number) in rows" :key="row.key ?? number">
            <td v-for="column in columns" :key="column.key" :class="look(column)">
              <a v-if="column.kind === 'device'" :href="link(row[column.key])">{{ row[column.key] }}</a>
              <time v-else-if="column.kind === 'time' && row[column.key] != null" :datetime="iso(row[column.key])"
                    :title="utc(row[column.key])">{{ local(row[column.key]) }}</time>
              <span v-else-if="column.kind === 'state'" class="badge" :class="row[column.key]">{{ row[column.key] }}</span>
              <span v-else-if="column.kind === 'bar'" class="bar">
                <span class="bar-track" aria-hidden="true"
                  ><span v-for="part in row[column.key].parts" :class="part.kind" :style="{width: part.percent + '%'}"></span
                ></span>
                <span v-if="row[column.key].text" class="bar-figure">{{ row[column.key].text }}</span>
              </span>
              <a v-else-if="column.kind === 'link' && row[column.key]" :href="row[column.key].href">{{ row[column.key].text }}</a>
              <span v-else-if="column.kind === 'actions'" class="actions">
                <button v-for="action in row[column.key]" :key="action" type="button" class="button small"
                        :aria-label="action + ' ' + (row.name ?? row.key)" @click="$emit('act', [action, row.key])">{{ action }}</button>
              </span>
              <input v-else-if="column.kind === 'choose'" type="checkbox" :aria-label="'Choose ' + (row.name ?? row.key)"
                     :checked="row[column.key]" @change="$emit('act', ['choose', row.key])">
              <code v-else-if="column.kind === 'code'">{{ row[column.key] }}</code>
              <template v-else>{{ row[column.key] ?? '–' }}</template>
            </td>
          </tr>
        </tbody>
      </table>
    </div>`,
  methods: {
    look(column) {
      return [column.kind ?? "text", column.narrow === false ? "wide-only" : ""];
    },
    order(column) {
      if (!column.sortable) return undefined;
      return column.key !== this.sort ? "none" : this.descending ? "descending" : "ascending";
    },
    arrow(column) {
      return column.key !== this.sort ? "" : this.descending ? " ↓" : " ↑";
    },
    link(device) {
      return "/devices/" + encodeURIComponent(device);
    },
    iso: (at) => window.flead.iso(at),
    utc: (at) => window.flead.utc(at),
    local: (at) => window.flead.local(at),
  },
};
