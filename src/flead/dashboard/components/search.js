// A search field that keeps its own text, so that an update of the page never takes a key stroke back.
export default {
  props: { label: String, start: String },
  emits: ["search"],
  data() {
    return { text: this.start ?? "", timer: null };
  },
  template: `<input type="search" :aria-label="label" :placeholder="label" v-model="text" @input="later" autocomplete="off"
                    spellcheck="false" maxlength="256">`,
  methods: {
    later() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.$emit("search", this.text), 200);
    },
  },
};
