(()=>{var e=localStorage.getItem("holdfast.theme");(e==="light"||e==="dark")&&(document.documentElement.dataset.theme=e);})();
