"""The front end of Xylo Audio 3, stage by stage; `xylograph.hw.frontends` exports them."""
