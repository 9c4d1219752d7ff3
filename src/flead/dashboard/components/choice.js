// One of several, as the browser's own list.
export default {
  props: { label: String, start: String, choices: Array }, // choices: [value, text]
  emits: ["choose"],
  data() {
    return { chosen: this.start ?? "" };
  },
  template: `
    <select :aria-label="label" v-model="chosen" @change="$emit('choose', chosen)">
      <option v-for="[value, text] in choices" :key="value" :value="value">{{ text }}</option>
    </select>`,
};
