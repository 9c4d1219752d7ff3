export default {
  props: { at: Number },
  template: `<time v-if="at != null" :datetime="iso" :title="utc">{{ local }}</time><span v-else>–</span>`,
  computed: {
    iso() {
      return window.flead.iso(this.at);
    },
    utc() {
      return window.flead.utc(this.at);
    },
    local() {
      return window.flead.local(this.at);
    },
  },
};
